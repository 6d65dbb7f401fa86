"""The pages of people who are signed in: one module for each page, named like its template and its URL."""
