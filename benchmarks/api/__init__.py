"""What the API costs: reads beside yardsticks, and starting."""
