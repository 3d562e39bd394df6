"""``python -m mastra_convex``: the command line."""

from mastra_convex._cli import main

if __name__ == "__main__":
    main()
