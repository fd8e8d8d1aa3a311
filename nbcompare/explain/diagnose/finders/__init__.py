"""What two images alone tell, one module a kind of defect."""
