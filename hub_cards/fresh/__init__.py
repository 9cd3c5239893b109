"""What runs in a fresh process and stands alone there: nothing here imports the rest of the project."""
