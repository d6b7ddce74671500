"""Question to answer, and every face it is shown through."""
