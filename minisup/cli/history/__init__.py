"""Commands that look back: `history`, and where its rows come from."""
