"""Two people with many pages each, on a hub: nothing is lost, and nothing grows."""
