"""The pages behind the links in mails: `outreach serve`."""
