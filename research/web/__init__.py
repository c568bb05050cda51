"""Reads pages of the web: guard, connections, politeness, robots.txt, HTTP cache, browser."""
