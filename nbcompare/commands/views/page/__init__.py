"""Pages for people who would rather look than read: parts that any page is made of, and the page of one bundle."""
