"""What the charm costs, each figure beside what would be there without it; see README.md."""
