"""The public page of a parcel: what a shopper may see of it, in their language."""
