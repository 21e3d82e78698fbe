"""What the agent's interpreter runs by this folder's path, on which nothing else is found.

``python FOLDER`` serves the gateway; ``python FOLDER check`` says what can be said without it.
"""

import sys

from jupyter_child import check, main  # type: ignore[import-not-found]

if __name__ == "__main__":
    check.main() if sys.argv[1:] == ["check"] else main.main()
