"""Training a classifier on the user's own pictures: a frozen network and a head that learns."""
