"""The public tracking page of a parcel: what a shopper may see, in their language."""
