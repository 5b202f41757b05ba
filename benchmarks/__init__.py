"""asv suites: ``asv run --quick --python=same`` times the checkout that is installed."""
