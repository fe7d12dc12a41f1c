"""What every test can use."""

pytest_plugins = ["tests.chromium", "tests.engines", "tests.couriers"]
