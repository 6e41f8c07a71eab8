"""What runs in a throwaway machine, with the checkout's own modules; each prints JSON."""
