"""What runs print: from their pipes to the console, to files, and to whoever follows."""
