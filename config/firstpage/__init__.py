"""What the first page shows, card by card: plain values, a bounded number of queries each.

A card asks the floor it is about and puts words in order; it decides nothing.

incidents  open incidents, worst first        reaching  pages that wait, deliveries given up
duty       who is on call now                 mine      what waits for the viewer
"""
