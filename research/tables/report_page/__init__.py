"""The review sheet: a run as one HTML file that opens by itself, with the evidence of every cell."""
