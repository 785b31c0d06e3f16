"""The command line, `hallmark VERB`: parse, one library call, print."""
