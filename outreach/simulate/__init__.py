"""`outreach simulate`: a large, made-up database to try reports and measure them on."""
