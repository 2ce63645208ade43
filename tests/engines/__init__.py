"""What large engines do with slices and captured files. Their libraries are no requirement of the tests."""
