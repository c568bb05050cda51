"""Where a text states a value: numbers, dates, durations and units."""
