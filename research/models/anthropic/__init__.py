"""The Messages API: calls, limits, metering, errors and batches."""
