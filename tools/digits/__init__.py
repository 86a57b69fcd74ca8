"""The digits model: MNIST, pictures made of it, training and measuring."""
