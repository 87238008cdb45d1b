"""One drawing as a file in every form that the studio reads, and the table of what it reads, keeps and says."""
