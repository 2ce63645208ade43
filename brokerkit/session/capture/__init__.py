"""Topics captured into data sets of Parquet files, and published back from them."""
