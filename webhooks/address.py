"""Where the door is, for whoever opens it and for whoever tells the platform; nothing is loaded with it."""

PATH = "/webhooks/elevenlabs"
