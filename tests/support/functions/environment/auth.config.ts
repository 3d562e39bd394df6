// The provider is named by an environment variable, once there is one.
const issuer = process.env.ISSUER;

export default {
  providers:
    issuer === undefined ? [] : [{ domain: issuer, applicationID: "app" }],
};
