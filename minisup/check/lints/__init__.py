"""The numbered warnings of `check`, by what they are about. The list of them is `minisup.check.lint`."""
