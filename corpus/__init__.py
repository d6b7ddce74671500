"""Documents to passages: readers turn files into text with structure, the splitter turns text into passages."""
