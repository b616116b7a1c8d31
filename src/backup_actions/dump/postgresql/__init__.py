"""PostgreSQL, and Aurora that is compatible with it. The engine is in ``engine``; the rest is its parts."""
