"""What the screens are made of. A widget acts on nothing but itself: it posts a message, and its screen decides."""
