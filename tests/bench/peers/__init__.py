"""What roomcast is measured against: small servers as their own users would write them."""
