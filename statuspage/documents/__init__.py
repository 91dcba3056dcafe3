"""Pure renderers: one frozen public value (``page.Page``) in, one public document out."""
