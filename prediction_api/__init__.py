"""The prediction service: intent, confidence, out-of-scope and sentiment of tickets over HTTP."""
