"""What is and why: `status`, `why`, `version`, and the words for them."""
