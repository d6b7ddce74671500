"""Does a server that runs for hours stay as it is? A real one, asked and changed in every way at a low rate, and watched meanwhile."""
