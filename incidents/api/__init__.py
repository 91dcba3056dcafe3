"""The incidents floor in the REST API, one module per subject."""
