"""The HTTP face: a Flask application factory, one blueprint per concern."""
