"""Many bundles in one sealed file: how it is written and read, what is known of it beside, and where one is opened."""
