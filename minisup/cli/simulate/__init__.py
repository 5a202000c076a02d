"""`minisup simulate`: its options, its scene, and its results as text or as a page."""
