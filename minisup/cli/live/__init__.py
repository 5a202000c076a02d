"""The live screen of `minisup status`: what a key means (`ui`), what is drawn (`paint`), who reads and asks (`app`).

`ui` and `paint` are pure: values in, values out. Nothing here is loaded by any other command.
"""
