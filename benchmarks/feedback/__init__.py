"""Does feedback on some questions make the ranking of others better, and can one customer or portal abuse it?"""
