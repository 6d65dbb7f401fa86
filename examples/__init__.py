"""Programs around Waypost: a shop that receives, a carrier that answers, and the demo that runs all of it."""
