"""What providers of text messages and calls send to us, one module for each."""
