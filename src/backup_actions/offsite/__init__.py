"""The separated account: what others share with it is imported, verified, acknowledged and kept."""
