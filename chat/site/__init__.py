"""What the site does with its chat: without a member's permission, on behalf of anybody."""
