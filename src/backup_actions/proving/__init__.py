"""What stands is proven again, and told to whoever has to know: archives verified and restored later, the report."""
