"""`minisup report`: a period in numbers and plots, on a terminal or as a page."""
